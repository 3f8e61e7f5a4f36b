"""DWPose's pose network as TorchScript: a stand-in made here by torch itself, and any such file run in fives.

Its answer is known as the ONNX stand-in's is: it measures how far the colour of a person reaches from the
middle of the crop, and puts 133 points at fixed places of that rectangle; a random branch of real convolutions
adds at most 0.01 to each number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .pose import DEVIATION, HEIGHT, KEYPOINTS, MEAN, WIDTH
from .skeleton import NECK, ORDER

NAME = "dw-ll_ucoco_384_bs5.torchscript.pt"
BATCH = 5
RED_ABOVE_GREEN = 200.0
NOISE = 0.01


def places_of(truth: str) -> tuple[Any, Any]:
    """Return ([133,2] places in a person's rectangle, [133] scores) from what is known of the stand-in picture."""
    person = json.loads(Path(truth).read_text(encoding="utf-8"))["people"][0]
    left, top, right, bottom = person["box"]
    places = np.zeros((KEYPOINTS, 2))
    scores = np.zeros(KEYPOINTS)
    for index, source in enumerate(ORDER):
        if source != NECK:
            own = source if source < NECK else source - 1
            x, y = person["keypoints"][index]
            places[own] = ((x + 0.5 - left) / (right - left), (y + 0.5 - top) / (bottom - top))
            scores[own] = person["scores"][index]
    return places, scores


def write(torch: Any, truth: str, path: str) -> None:
    """Write the stand-in as a TorchScript file for five people at once, as ComfyUI's is."""
    places, scores = places_of(truth)
    tensor = torch.tensor

    class Pose(torch.nn.Module):  # type: ignore[misc] # torch is not there where this is checked
        """The stand-in network."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(3)
            self.colour = torch.nn.Conv2d(3, 1, 1)
            slope = [DEVIATION[0] / RED_ABOVE_GREEN, -DEVIATION[1] / RED_ABOVE_GREEN, 0.0]
            self.colour.weight = torch.nn.Parameter(tensor(slope).reshape(1, 3, 1, 1))
            self.colour.bias = torch.nn.Parameter(tensor([(MEAN[0] - MEAN[1]) / RED_ABOVE_GREEN]))
            self.features = torch.nn.Sequential(
                torch.nn.Conv2d(3, 16, 3, 4, 1),
                torch.nn.SiLU(),
                torch.nn.Conv2d(16, 24, 3, 2, 1),
                torch.nn.SiLU(),
                torch.nn.Conv2d(24, KEYPOINTS, 3, 4, 1),
            )
            self.across = torch.nn.Linear(108, 2 * WIDTH)
            self.down = torch.nn.Linear(108, 2 * HEIGHT)
            self.register_buffer("places", tensor(places, dtype=torch.float32))
            self.register_buffer("scores", tensor(scores, dtype=torch.float32).reshape(1, KEYPOINTS, 1))
            # a trace writes down the device on which a tensor is made: only buffers go where the network goes
            self.register_buffer("across_bins", torch.arange(2.0 * WIDTH).reshape(1, 1, -1))
            self.register_buffer("down_bins", torch.arange(2.0 * HEIGHT).reshape(1, 1, -1))

        def forward(self, crops: Any) -> Any:
            """Return the bins of both axes."""
            person = self.colour(crops).clamp(0, 1)[:, 0]
            there = person[:, HEIGHT // 2 - 1, WIDTH // 2 - 1].reshape(-1, 1, 1)
            hidden = self.features(crops).flatten(2)
            answers = []
            for axis, line, layer, bins in (
                (0, person[:, HEIGHT // 2 - 1, :], self.across, self.across_bins),
                (1, person[:, :, WIDTH // 2 - 1], self.down, self.down_bins),
            ):
                middle = line.shape[1] // 2
                start = middle - 0.5 - _reached(torch, line[:, :middle].flip(1))
                end = middle - 0.5 + _reached(torch, line[:, middle:])
                place = self.places[:, axis].reshape(1, KEYPOINTS)
                target = 2 * ((1 - place) * start + place * end)
                distance = target.unsqueeze(2) - bins
                hill = (1 - distance * distance / 16).clamp(min=0)
                answers.append(hill * self.scores * there + NOISE * torch.tanh(layer(hidden)))
            return tuple(answers)

    with torch.no_grad():
        # the people that the file finds are held against the truth; torch's own check of a trace would compare it with
        # what it was made from, and torch 2.15 imports DTensor and sympy for that: 6.5 of the child's 13 s
        traced = torch.jit.trace(Pose().eval(), torch.zeros(BATCH, 3, HEIGHT, WIDTH), check_trace=False)
    torch.jit.save(traced, path)


def _reached(torch: Any, line: Any) -> Any:
    """Return how many pixels from its start a line goes on inside the person, fractions counted."""
    going = torch.cumprod((8 * line).clamp(0, 1), dim=1)
    return (line * going).sum(dim=1, keepdim=True)


class Script:
    """A TorchScript pose network on a device, called as the ONNX one is."""

    def __init__(self, torch: Any, path: str, device: str) -> None:
        self._torch = torch
        self._network = torch.jit.load(path, map_location="cpu").to(device).eval()
        self._device = device

    def run_pose(self, tensor: Any) -> tuple[Any, Any]:
        """Return [b,133,576] and [b,133,768]; people are given in fives, the last five filled up with zeros."""
        torch = self._torch
        lacking = -len(tensor) % BATCH
        filled = np.concatenate([tensor, np.zeros((lacking, *tensor.shape[1:]), np.float32)])
        parts: list[Any] = []
        with torch.no_grad():
            for start in range(0, len(filled), BATCH):
                given = torch.from_numpy(filled[start : start + BATCH]).to(self._device)
                answers = self._network(given)
                if str(answers[0].device.type) != self._device:
                    raise RuntimeError(f"the answer lies on {answers[0].device}, not on {self._device}")
                parts.append([each.float().cpu().numpy() for each in answers])
        joined = [np.concatenate(each)[: len(tensor)] for each in zip(*parts)]  # noqa: B905 - 3.8
        return joined[0], joined[1]
