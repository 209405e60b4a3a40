"""[io] `hotline prompts …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ivr.cli_shell import fail as failure
from ivr.cli_shell import settings as load_settings

app = typer.Typer(help="Prompts.", no_args_is_help=True)

Language = Annotated[str, typer.Option(help="zh or en.")]


@app.command("build")
def build(force: Annotated[bool, typer.Option(help="Speak every text again.")] = False) -> None:
    """Speak the texts that changed into WAVs: the packaged ones, and those of <data_dir>/prompts/<language>/texts.yaml."""
    from ivr.voices import voice_cache
    from prompts import PATH
    from prompts.build import PromptError
    from prompts.build import build as build_prompts
    from prompts.synthesis import SpeechError

    found = load_settings()
    try:
        built = build_prompts(PATH, force=force)
        built += build_prompts(found.prompts, force=force, engine=voice_cache(found).engine, common=False)
    except (PromptError, SpeechError, OSError) as error:
        raise failure(str(error)) from error
    for prompt in built:
        typer.echo(f"{prompt.path}  {prompt.seconds:.1f} s")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A recording: WAV, MP3, M4A, AMR, Ogg, FLAC and others.")],
    name: Annotated[str, typer.Option(help="The prompt's name; one of that name is replaced for this hotline.")],
    language: Language = "zh",
    max_s: Annotated[float, typer.Option(help="The longest that is taken, in seconds.")] = 120.0,
) -> None:
    """Make a prompt of a recording of your own, in <data_dir>/prompts."""
    from prompts.importing import MAX_BYTES, ImportFailed, convert
    from prompts.own import keep

    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
        imported = convert(data, str(file), max_s=max_s)
        path = keep(load_settings().prompts, language, name, imported)
    except ImportFailed as error:
        raise failure(str(error)) from error
    except (OSError, ValueError) as error:
        raise failure(f"{file} can't become a prompt: {error}") from error
    report = imported.report
    channels = "mono" if report.channels == 1 else f"{report.channels} channels"
    typer.echo(
        f"{file}: {report.format}, {report.rate} Hz, {channels}, {report.recorded_s:.1f} s, {report.recorded_level_db:.0f} dB"
    )
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{path}  {report.seconds:.1f} s")


@app.command("say")
def say(
    text: str,
    language: Language = "zh",
    voice: Annotated[str, typer.Option(help="One of the engine's voices; empty for the usual one.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the WAV here too.")] = None,
) -> None:
    """Speak a text with the voice of the settings and print the WAV's path."""
    from ivr.voices import voice_cache
    from prompts.synthesis import SpeechError

    try:
        path = voice_cache(load_settings()).voiced(text, language, voice)
        if out is not None:
            out.write_bytes(path.read_bytes())
    except (SpeechError, OSError) as error:
        raise failure(str(error)) from error
    typer.echo(str(out or path))


@app.command("list")
def list_(
    language: Annotated[str, typer.Option(help="Only this language; common is what needs no words.")] = "",
) -> None:
    """Every prompt: language, name, seconds, where it is from, text."""
    from prompts import PATH
    from prompts.build import PromptError
    from prompts.own import inventory

    try:
        prompts = inventory(PATH, load_settings().prompts)
    except (PromptError, OSError) as error:
        raise failure(str(error)) from error
    for prompt in prompts:
        if language in ("", prompt.language):
            seconds = "   ?" if prompt.seconds is None else f"{prompt.seconds:4.1f}"
            typer.echo(f"{prompt.language:6}  {prompt.name:24}  {seconds} s  {prompt.origin:13}  {prompt.text}".rstrip())
