"""Attention maps to the paper's statistics, tables and figures."""
