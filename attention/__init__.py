"""Attention maps: examples through BERT (extraction), to words, and on disk (store)."""
