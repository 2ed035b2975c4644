"""New patents that fit a watched need."""
