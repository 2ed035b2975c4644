"""Which records fit a query: texts read, candidates found, scored and explained."""
