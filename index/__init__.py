"""Vectors and ids to nearest neighbours."""
