"""How the golden maps beside this file were made: by Hugging Face transformers.

Needs PyTorch and transformers (benchmarks/requirements.txt), which no test needs. Run
with PyTorch 2.13.0 and transformers 5.23.0: python tests/golden/make_maps.py
"""

import json
from pathlib import Path

import torch
from transformers import BertConfig, BertForMaskedLM

HERE = Path(__file__).parent
EXAMPLES = (  # token ids and segment ids of two examples of different lengths
    ([2, 41, 9, 17, 30, 5, 3], [0, 0, 0, 0, 0, 0, 0]),
    ([2, 8, 8, 46, 3, 21, 33, 12, 40, 6, 3], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]),
)

torch.manual_seed(0)
config = BertConfig(
    vocab_size=47,
    hidden_size=15,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=22,
    max_position_embeddings=32,
    initializer_range=0.6,  # so large that the maps are far from uniform
)
model = BertForMaskedLM(config).eval()
model.set_attn_implementation("eager")
for name, parameter in model.named_parameters():
    if name.endswith("bias") or "LayerNorm" in name:  # zeros and ones would hide errors
        torch.nn.init.normal_(parameter, mean=float("LayerNorm.w" in name), std=0.3)
model.save_pretrained(HERE)  # config.json and model.safetensors

golden = []
with torch.no_grad():
    for token_ids, segment_ids in EXAMPLES:
        output = model(
            torch.tensor([token_ids]),
            token_type_ids=torch.tensor([segment_ids]),
            output_attentions=True,
        )
        maps = torch.cat(output.attentions).tolist()  # [L, H, T, T]
        golden.append(
            {"token_ids": token_ids, "segment_ids": segment_ids, "maps": maps}
        )
(HERE / "maps.json").write_text(json.dumps(golden) + "\n")
