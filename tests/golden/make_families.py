"""How the models, maps and gradients under families/ were made: by transformers.

A tiny random model of each family with its masked-LM head, saved by transformers, and
what it gives in float64: its maps, and the gradients of its loss by each attention
weight. Needs PyTorch and transformers (benchmarks/requirements.txt), which no test
needs. Run with PyTorch 2.13.0 and transformers 5.24.0:
python tests/golden/make_families.py
"""

from pathlib import Path

import numpy as np
import torch
import transformers

HERE = Path(__file__).parent / "families"
SIZES = {
    "vocab_size": 41,
    "hidden_size": 12,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 14,
    "max_position_embeddings": 34,
    "initializer_range": 0.5,  # so large that maps are far from uniform
}
ROBERTA = {"type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-5}
FAMILIES = {  # configs, and the classes of the models
    "bert": ({}, transformers.BertForMaskedLM),
    "roberta": (ROBERTA, transformers.RobertaForMaskedLM),
    "xlm-roberta": (ROBERTA | {"pad_token_id": 3}, transformers.XLMRobertaForMaskedLM),
    "camembert": (ROBERTA | {"hidden_act": "relu"}, transformers.CamembertForMaskedLM),
    "distilbert": (
        {"activation": "gelu"},
        transformers.DistilBertForMaskedLM,
    ),
    "electra": ({"embedding_size": 10}, transformers.ElectraForMaskedLM),
    "albert": (
        {"embedding_size": 10, "num_hidden_groups": 2},
        transformers.AlbertForMaskedLM,
    ),
    "mpnet": ({"layer_norm_eps": 1e-5}, transformers.MPNetForMaskedLM),
    "modernbert": (
        {"local_attention": 6, "cls_token_id": 5, "sep_token_id": 6}
        | {"bos_token_id": 5, "eos_token_id": 6, "pad_token_id": 0},
        transformers.ModernBertForMaskedLM,
    ),
}
EXAMPLES = (  # token ids that the model reads, and what stood at the masked places
    ([5, 21, 9, 17, 30, 7, 6], {2: 19, 5: 8}),
    ([5, *range(10, 34), 6], {3: 8, 9: 21, 20: 12}),  # beyond the window of modernbert
    ([5, 6], {1: 6}),
)


def main() -> None:
    for name, (more, kind) in FAMILIES.items():
        torch.manual_seed(0)
        sizes = dict(SIZES)
        if name == "distilbert":  # which has names of its own for sizes
            theirs = {"hidden_size": "dim", "num_hidden_layers": "n_layers"}
            theirs |= {"num_attention_heads": "n_heads"}
            theirs |= {"intermediate_size": "hidden_dim"}
            sizes = {theirs.get(key, key): value for key, value in sizes.items()}
        model = kind(kind.config_class(**sizes, **more)).eval()
        model.set_attn_implementation("eager")
        for key, parameter in model.named_parameters():
            norm = "norm" in key.lower() and key.endswith("weight")
            if norm or key.endswith("bias"):  # ones and zeros would hide errors
                torch.nn.init.normal_(parameter, mean=float(norm), std=0.3)
            elif "relative_attention_bias" in key:
                torch.nn.init.normal_(parameter, std=1.0)
        folder = HERE / name
        model.save_pretrained(folder)  # config.json and model.safetensors
        (folder / "generation_config.json").unlink(missing_ok=True)
        golden = {}
        model = model.double()
        for i, (token_ids, truth) in enumerate(EXAMPLES):
            labels = [truth.get(place, -100) for place in range(len(token_ids))]
            more = {}
            if getattr(model.config, "type_vocab_size", 0) > 1:
                segments = [int(place > 3) for place in range(len(token_ids))]
                more["token_type_ids"] = torch.tensor([segments])
                golden[f"segment_ids_{i}"] = segments
            output = model(
                torch.tensor([token_ids]),
                labels=torch.tensor([labels]),
                output_attentions=True,
                **more,
            )
            gradients = torch.autograd.grad(output.loss, output.attentions)
            golden |= {
                f"token_ids_{i}": token_ids,
                f"masked_{i}": list(truth),
                f"truth_{i}": list(truth.values()),
                f"loss_{i}": output.loss.item(),
                f"maps_{i}": torch.cat(output.attentions).detach().float().numpy(),
                f"gradients_{i}": torch.cat(gradients).float().numpy(),  # [L, H, T, T]
            }
        np.savez_compressed(folder / "golden.npz", **golden)


if __name__ == "__main__":
    main()
