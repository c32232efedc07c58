"""How python2.pkl was made: by Python 2.7.18 and NumPy 1.16.6, as the original's files.

python2.7 tests/golden/make_python2.py
"""

import os
import pickle

import numpy as np

examples = []
for number, tokens in enumerate((["[CLS]", "caf\u00e9", "[SEP]"], ["[CLS]", "[SEP]"])):
    size = len(tokens)
    shape = 2, 3, size, size
    attns = (np.arange(6 * size * size).reshape(shape) + number) / 64.0
    examples.append({"tokens": tokens, "attns": attns.astype(np.float16), "id": number})
with open(os.path.join(os.path.dirname(__file__), "python2.pkl"), "wb") as file:
    pickle.dump(examples, file, protocol=2)
