"""Tests of the losses: contracts over the registry, hand values, independent values, three backends."""
