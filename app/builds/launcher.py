"""Builds in processes of their own, which outlive the server that starts them."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from app.builds.jobs import BuildJobs, BuildRecord, BuildState, requester
from app.domain import Kind
from app.errors import InputError, JobError, ModelProblem, PatmatchError
from app.serving.encoders import EncoderSpec
from app.serving.translation import translated

log = logging.getLogger("patmatch.builds")

_LOG_TAIL_BYTES = 4_096
_LINE_CHARS = 500


@dataclass(frozen=True, slots=True)
class ProcessLauncher:
    """Starts real processes, in a session of their own so that nothing that ends the server ends them.

    Attributes:
        command: what is run, before the arguments.
        environment: its whole environment.
    """

    command: Sequence[str]
    environment: Mapping[str, str]

    def launch(self, arguments: Sequence[str], *, output: Path, lease: int | None = None) -> subprocess.Popen[bytes]:
        """Start `patmatch` with these arguments.

        Args:
            arguments: after the command's name.
            output: the file that takes stdout and stderr.
            lease: the open file that the process inherits, where it is to have one.

        Raises:
            OSError: no process could be started.
        """
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("ab") as log_file:
            return subprocess.Popen(  # noqa: S603 - our own command, and no shell
                [*self.command, *arguments],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=() if lease is None else (lease,),
            )


class BuildService:
    """Starts builds in processes of their own, and reports their state.

    Args:
        jobs: leases and records.
        launcher: starts the process.
        spec_of: the encoder that a source names, with the prefixes and precision in force; the configured one for
            ``None``.
    """

    def __init__(
        self, jobs: BuildJobs, launcher: ProcessLauncher, spec_of: Callable[[str | None], EncoderSpec]
    ) -> None:
        self._jobs = jobs
        self._launcher = launcher
        self._spec_of = spec_of

    def get(self, build_id: str) -> BuildRecord:
        """The present state of a build.

        Raises:
            NotFoundError: there is no such build.
        """
        return self._jobs.get(build_id)

    def start(
        self, target: Kind, *, publish: bool = False, encoder: str | None = None, requested_by: str | None = None
    ) -> BuildRecord:
        """Begin a build; it goes on when this process ends.

        The lease is taken here and inherited by the process, so that it is never free in between.

        Raises:
            InputError: ``encoder`` names no model.
            ConflictError: a build of this target runs.
            JobError: the process could not be started.
        """
        try:
            with translated():
                spec = self._spec_of(encoder)
        except ModelProblem as error:
            raise InputError(error.message, error.message_zh, code="bad_encoder") from error
        by = requested_by or requester()
        with self._jobs.begin(target, encoder=spec, publish=publish, requested_by=by) as job:
            job.note(pid=None)  # not this process builds; the one that does writes its own
            arguments = ["index", "build", target.value, "--build-id", job.record.id, "--json"]
            arguments += ["--lease", str(job.lease_descriptor)]
            arguments += ["--publish"] if publish else []
            arguments += ["--encoder", encoder] if encoder is not None else []
            output = self._jobs.log_file(job.record.id)
            try:
                process = self._launcher.launch(arguments, output=output, lease=job.lease_descriptor)
            except OSError as error:
                raise JobError(
                    f"The build could not be started: {error.strerror}", f"无法启动构建进程：{error.strerror}"
                ) from error
            began = job.record
        # A daemon, since the build may outlast this process; it then says itself how it ended.
        Thread(target=self._reap, args=(began, process, output), name=began.id, daemon=True).start()
        return began

    def _reap(self, record: BuildRecord, process: subprocess.Popen[bytes], output: Path) -> None:
        """Wait for a build's process, and record its end where it could not."""
        status = process.wait()
        state = BuildState.INTERRUPTED if status < 0 else BuildState.FAILED
        how, how_zh = (f"signal {-status}", f"信号 {-status}") if status < 0 else (f"status {status}", f"状态 {status}")
        said = _last_line(output)
        error = PatmatchError(
            f"its process ended with {how}" + (f": {said}" if said else ""),
            f"进程结束（{how_zh}）" + (f"：{said}" if said else ""),
            code="process_ended",
        )
        try:
            self._jobs.close_dead(record.id, state, error)
        except OSError as problem:
            log.warning("the record of %s could not be written: %s", record.id, problem.strerror)


def _last_line(path: Path) -> str:
    """The last line that a process wrote, cut to a sentence's length."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return ""
    return next((line.strip()[:_LINE_CHARS] for line in reversed(lines) if line.strip()), "")
