"""Packages: verticals, iron condors, single options, and their analysis."""
