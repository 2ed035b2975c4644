"""Parquet files, read in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from app.errors import InputError
from app.ingest.headings.heading import HeaderSearch, Heading
from app.ingest.outcomes import RawRow, SheetRead
from app.ingest.tables.grids import Table

BATCH_ROWS = 200
"""Rows that are in memory as Python objects at once; few, because a row may hold a book."""

READ_BYTES = 1 << 20
"""Bytes of a column that are read at once; without it a whole row group is, which may be the whole file."""

_PANDAS_INDEX = "__index_level_"


class ParquetRows:
    """The rows of a Parquet file; a row's number counts records from 1.

    Args:
        stream: a seekable file; owned and closed by this object.
        search: what the columns must provide.

    Raises:
        InputError: the file is no Parquet file, or its columns are not those of the kind.
    """

    def __init__(self, stream: IO[bytes], search: HeaderSearch) -> None:
        import pyarrow
        from pyarrow import parquet

        self._stream = stream
        self._name = search.name
        self._error = pyarrow.ArrowException
        try:
            self._file = parquet.ParquetFile(stream, buffer_size=READ_BYTES, pre_buffer=False)
        except (pyarrow.ArrowException, OSError) as error:
            raise self._damaged() from error
        names = [name for name in self._file.schema_arrow.names if not name.startswith(_PANDAS_INDEX)]
        heading = search.best([names])
        search.require(heading)
        self._headers = tuple(names)
        self.tables = self.all_tables = [Table(SheetRead(), Heading(0, self._headers, heading.recognised))]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._stream.close()

    def rows(self) -> Iterator[RawRow]:
        """All rows, in the file's order."""
        headers = self._headers
        number = 0
        batches = self._file.iter_batches(batch_size=BATCH_ROWS, columns=list(headers))
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                columns = [column.to_pylist() for column in batch.columns]
            except (self._error, OSError, ValueError) as error:
                raise self._damaged() from error
            for cells in zip(*columns, strict=True):
                number += 1
                yield RawRow(number, headers, cells)

    def _damaged(self) -> InputError:
        return InputError(
            f"{self._name}: the Parquet file is damaged or not Parquet; write or copy it again",
            f"{self._name}：Parquet 文件已损坏或格式不正确，请重新导出或复制",
            code="damaged_file",
        )
