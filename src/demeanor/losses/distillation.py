"""Distillation: what a model says, and its hidden vector, are pulled towards what a teacher says of the same samples.

The teacher may be the model itself, reading more than the student does (self-distillation).
Source: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network (2015). Of outputs and features, between
two sights of one: Li et al., A Unified Self-Distillation Framework for Multimodal Sentiment Analysis with Uncertain
Missing Modalities (AAAI 2024, doi 10.1609/aaai.v38i9.28871); its abstract and summaries are all that could be read, so
the terms are reconstructed, as in fusion/umdf.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from demeanor.batch import Output

TEMPERATURE = 2.0
"""Of the outputs' softmax."""

FEATURE_TEMPERATURE = 4.0
"""Of the hidden vectors' softmax."""


def divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL(p_student ‖ p_teacher) of the softmaxes of two (B, K), the teacher fixed: (B,)."""
    ours, theirs = ((x.float() / temperature).log_softmax(1) for x in (student, teacher.detach()))
    return (ours.exp() * (ours - theirs)).sum(1)


def distillation(student: Output, teacher: Output) -> Tensor:
    """How far the student is from its fixed teacher, a mean over rows: () scalar.

    The sum over tasks of the divergence of classes (times temperature², so that its gradient keeps its size) or the L1
    distance of intensities, in the labels' own scale; and the divergence of the hidden vectors, if the model gives one.
    """
    each = []
    for task, said in student.tasks.items():
        if said.ndim == 2:
            each.append(divergence(said, teacher.tasks[task], TEMPERATURE) * TEMPERATURE**2)
        else:
            each.append((said.float() - teacher.tasks[task].detach().float()).abs())
    if student.hidden is not None and teacher.hidden is not None:
        each.append(divergence(student.hidden, teacher.hidden, FEATURE_TEMPERATURE))
    return torch.stack(each).sum(0).mean()
