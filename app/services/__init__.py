"""Use cases, each once, for HTTP, command line and bulk jobs alike."""
