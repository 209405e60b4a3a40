"""[io] `python -m ivr.speech.tiny`: makes the built-in model anew and measures it. What the work folder has is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ivr.speech.tiny import MODEL, corpus, measure, network, trials
from ivr.speech.tiny.export import export
from ivr.speech.tiny.lexicon import phone_set, read
from ivr.speech.tiny.voices import Family

SHARDS: dict[Family, int] = {"espeak": 57, "drawn": 70, "pico": 11}
"""How much of each family is spoken for training (corpus.SHARES)."""

app = typer.Typer(add_completion=False, help=__doc__)
Work = Annotated[Path, typer.Option(help="Where speech, training's state and weights are kept.")]
_WORK = Path("build/speech-model")


@app.command()
def build(work: Work = _WORK, steps: int = 50000) -> None:
    """All of it: speech, training, settings, the model's folder, the tables of docs/speech.md."""
    from ivr.speech.tiny import training, tuning

    lexicon = read()
    for family, shards in SHARDS.items():
        typer.echo(f"speech by {family}: {shards} shards …")
        typer.echo(f"{corpus.make(work / 'corpus', family, shards)} made")
    examples, development = corpus.load(work / "corpus"), trials.trials(work / "trials", "development")
    weights = training.train(examples, trials.examples(development), len(phone_set(lexicon)) + 1, steps, work, typer.echo)
    picked = tuning.tune(weights, lexicon, development, typer.echo)
    typer.echo(f"picked {picked}")
    export(weights, lexicon, picked.settings, MODEL)
    table(work)


@app.command()
def table(work: Work = _WORK, model: Path = MODEL) -> None:
    """The model's scores on the test set."""
    typer.echo(measure.table(measure.scores(model, trials.trials(work / "trials", "test"), list(measure.RATES_HZ))))


@app.command()
def recordings(folder: Path, model: Path = MODEL) -> None:
    """The model's scores on the recordings of the Free Spoken Digit Dataset, wherever they were put."""
    typer.echo(measure.recorded_digits(model, folder))


@app.command()
def tune(work: Work = _WORK) -> None:
    """Picks the settings once more for the weights that are there, and writes the model."""
    from ivr.speech.tiny import tuning

    weights, lexicon = network.load(work / "weights.npz"), read()
    picked = tuning.tune(weights, lexicon, trials.trials(work / "trials", "development"), typer.echo)
    typer.echo(f"picked {picked}")
    export(weights, lexicon, picked.settings, MODEL)


if __name__ == "__main__":
    app()
