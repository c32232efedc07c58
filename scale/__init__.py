"""Statistics of corpora whose maps no disk holds: encoder and sums run together."""
