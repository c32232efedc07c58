"""Statistics and maps to the paper's figures and tables.

Heads are named as in the paper, `<layer>-<head>` counted from 1, by the true number of
their layer, whichever layers were kept; so are layers on axes.
"""
