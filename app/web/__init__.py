"""The evaluators' page: static files without a build step, served by ``app.api.pages``."""
