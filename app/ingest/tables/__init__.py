"""Files of any format as rows of cells."""
