"""Fine-tuning of a classifier with transformers' Trainer."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import EarlyStoppingCallback, EvalPrediction, TrainerCallback, set_seed

from training.batch_trainer import BatchArguments, BatchTrainer
from training.dataset.shards import Shards
from training.keywords.calibration import Calibration, fit_temperature
from training.keywords.learner import Learner
from training.keywords.metrics import macro_accuracy
from training.keywords.network import save_classifier
from training.keywords.notes import RECIPE, insist_on_recipe, newest_checkpoint, state_of, write_notes, write_recipe
from training.keywords.pictures import Part, ServedPictures, TrainingStream, joined, part_of
from training.keywords.predictor import logits_of
from training.keywords.recipe import Recipe, Running
from training.keywords.sampler import BalancedSampler, PlainSampler, class_weights, few_shot
from training.keywords.start import Start, start
from training.keywords.tuning import merged

METRIC = "macro_accuracy"
_LOOKS, _AT_ONCE = 20, 32


@dataclass(frozen=True)
class Trained:
    """`folder` is the classifier; calibration and macro accuracy are of validation, None where that is empty."""

    folder: Path
    steps: int
    macro_accuracy: float | None
    calibration: Calibration


def train(shards: Shards, recipe: Recipe, running: Running, callbacks: Sequence[TrainerCallback] = ()) -> Trained:
    """Train to the end of the recipe, going on from the newest checkpoint of `running.output` where there is one.

    Under `torchrun` every process takes a batch of its own each step, and the gradients are averaged.

    Raises:
        KeywordsError: no pictures, a broken one, a checkpoint that cannot be used, or a run with another recipe.
        DatasetError: the data set cannot be read.
    """
    set_seed(recipe.seed)
    part, validation = _training_part(shards, recipe), part_of(shards, "validation")
    last = None if running.restart else newest_checkpoint(running.output)
    if last is not None:
        insist_on_recipe(recipe, shards, running.output)
    began = start(recipe, shards.labels, part)
    learner = Learner(began.classifier, began.texts, recipe, _weights(part, shards, recipe))
    trainer = _trainer(learner, part, validation, recipe, running)
    for one in callbacks:
        trainer.add_callback(one)
    if trainer.is_world_process_zero():
        write_recipe(recipe, shards, running.output)
    trainer.accelerator.wait_for_everyone()
    if trainer.args.max_steps > 0:
        _carry_out(trainer, learner, recipe, last)
    found = _finish(trainer, learner, began, validation, running)
    trainer.finish()
    return found


def _training_part(shards: Shards, recipe: Recipe) -> Part:
    part = part_of(shards, "train")
    if recipe.shots is not None:
        part = part.take(few_shot(part.labels, recipe.shots, recipe.seed))
    return part


def _weights(part: Part, shards: Shards, recipe: Recipe) -> torch.Tensor | None:
    if recipe.balance != "weights":
        return None
    return torch.from_numpy(class_weights(part.labels, len(shards.labels)))


def _trainer(learner: Learner, part: Part, validation: Part, recipe: Recipe, running: Running) -> BatchTrainer:
    arguments = _arguments(recipe, running, len(part), looks=len(validation) > 0)
    stream = None
    if arguments.max_steps > 0:
        sampler = (BalancedSampler if recipe.balance == "sampler" else PlainSampler)(
            part.labels, recipe.batch, recipe.seed
        )
        batches = arguments.max_steps * arguments.world_size
        stream = TrainingStream(part, sampler, recipe.stages, steps=batches, seed=recipe.seed, varied=recipe.augment)
    stops = recipe.patience > 0 and len(validation) > 0
    return BatchTrainer(
        model=learner,
        args=arguments,
        train_dataset=stream,
        eval_dataset=ServedPictures(validation),
        data_collator=joined,
        compute_metrics=_figures,
        optimizers=(_optimizer(learner, recipe), None),
        callbacks=[EarlyStoppingCallback(recipe.patience)] if stops else [],
    )


def _optimizer(learner: Learner, recipe: Recipe) -> torch.optim.Optimizer:
    """Head and towers learn at their own rates; only matrices decay."""
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in learner.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name.startswith("classifier.head."), parameter.ndim > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "lr": recipe.head_learning_rate if head else recipe.learning_rate,
            "weight_decay": recipe.weight_decay if decays else 0.0,
        }
        for (head, decays), parameters in groups.items()
    ]
    return torch.optim.AdamW(settings or [torch.nn.Parameter(torch.zeros(1))], fused=True)


def _figures(prediction: EvalPrediction) -> dict[str, float]:
    logits: Any = prediction.predictions
    truth: Any = prediction.label_ids
    return {METRIC: macro_accuracy(logits.argmax(axis=1), truth)}


def _arguments(recipe: Recipe, running: Running, pictures: int, *, looks: bool) -> BatchArguments:
    # Asked for its processes before the number of steps is known.
    processes = BatchArguments(output_dir=str(running.output)).world_size
    steps = recipe.steps_for(pictures, processes)
    every = recipe.evaluate_every or max(1, steps // _LOOKS)
    return BatchArguments(
        output_dir=str(running.output),
        max_steps=steps,
        per_device_eval_batch_size=_AT_ONCE,
        learning_rate=recipe.learning_rate,
        lr_scheduler_kwargs={"min_lr_rate": 0.01},
        warmup_steps=round(recipe.warmup * steps),
        ddp_find_unused_parameters=recipe.tune_text,  # a step reads one prompt, some blocks of a tower may rest
        seed=recipe.seed,
        eval_strategy="steps" if looks else "no",
        eval_steps=every,
        save_steps=every,
        save_total_limit=running.keep,
        load_best_model_at_end=looks,
        metric_for_best_model=METRIC if looks else None,
        greater_is_better=True if looks else None,
        restore_callback_states_from_checkpoint=True,
        label_names=["labels"],
        logging_steps=min(25, every),
        dataloader_num_workers=running.workers,
    )


def _carry_out(trainer: BatchTrainer, learner: Learner, recipe: Recipe, last: Path | None) -> None:
    """A run that had come to its end, by its steps or its patience, is not gone on with."""
    state = state_of(last) if last is not None else None
    if state is None or not state.is_over(trainer.args.max_steps, recipe.patience):
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
        return
    from safetensors.torch import load_file

    learner.load_state_dict(load_file(state.best / "model.safetensors"))


def _finish(trainer: BatchTrainer, learner: Learner, began: Start, validation: Part, running: Running) -> Trained:
    """Store the classifier with its temperature. Only the first process of several looks and writes."""
    folder, steps = running.output / "model", trainer.state.global_step
    if not trainer.is_world_process_zero():
        return Trained(folder, steps, None, fit_temperature(np.zeros((0, 1)), validation.labels[:0]))
    learner.eval().settle()
    classifier = merged(learner.classifier).eval()
    logits = logits_of(classifier, validation, trainer.args.device)
    calibration = fit_temperature(logits, validation.labels)
    score = macro_accuracy(logits.argmax(axis=1), validation.labels) if len(validation) else None
    config = replace(began.config, temperature=calibration.temperature)
    save_classifier(classifier, config, folder, began.bases)
    facts = {"steps": steps, "calibration": asdict(calibration), METRIC: score}
    write_notes(folder, {"recipe": json.loads((running.output / RECIPE).read_text()), "validation": facts})
    return Trained(folder, steps, score, calibration)
