"""How the golden gradients beside this file were made: by PyTorch's autograd.

The model is make_maps.py's, run by Hugging Face transformers in float64. Needs PyTorch
and transformers (benchmarks/requirements.txt), which no test needs. Run with PyTorch
2.13.0 and transformers 5.23.0: python tests/golden/make_gradients.py
"""

import json
from pathlib import Path

import torch
from transformers import BertForMaskedLM

HERE = Path(__file__).parent
EXAMPLES = (  # token ids that BERT reads, segment ids, what stood at the masked places
    ([2, 41, 4, 17, 30, 5, 3], [0, 0, 0, 0, 0, 0, 0], {2: 9}),
    (
        [2, 4, 8, 46, 3, 4, 33, 19, 40, 6, 3],
        [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
        {1: 8, 5: 21, 7: 12, 9: 6},
    ),
)

model = BertForMaskedLM.from_pretrained(HERE, dtype=torch.float64).eval()
model.set_attn_implementation("eager")

golden = []
for token_ids, segment_ids, truth in EXAMPLES:
    labels = [truth.get(place, -100) for place in range(len(token_ids))]
    output = model(
        torch.tensor([token_ids]),
        token_type_ids=torch.tensor([segment_ids]),
        labels=torch.tensor([labels]),
        output_attentions=True,
    )
    gradients = torch.autograd.grad(output.loss, output.attentions)
    golden.append(
        {
            "token_ids": token_ids,
            "segment_ids": segment_ids,
            "masked": list(truth),
            "truth": list(truth.values()),
            "loss": output.loss.item(),
            "gradients": torch.cat(gradients).tolist(),  # [L, H, T, T]
        }
    )
(HERE / "gradients.json").write_text(json.dumps(golden) + "\n")
