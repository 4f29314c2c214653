"""Finds what the command line and the environment name: the working directory, files of variables, the configuration.

The order matters. The directory is entered first, so that every relative path is meant from there. Variables of files
and of `--env` come next, since they may name the configuration file; what that file adds of the same kind comes last.
A variable that is set too late to count, such as POLYDOOR_CHDIR in a file of variables, is an error.
"""

from __future__ import annotations

import os
import sys

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.catalog import BY_NAME
from polydoor.settings.load import DEFAULT, PREFIX, Entry, Settings, lay_sources, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

USUAL = "polydoor.toml"
PROJECT = "pyproject.toml"


def gather(environ: MutableMapping[str, str], options: Mapping[str, list[str]]) -> Settings:
    """Return all settings. `environ`, the working directory and sys.path are changed as they say."""
    return Gathering(environ, options).gather()


class Gathering:
    """One pass over the sources."""

    def __init__(self, environ: MutableMapping[str, str], options: Mapping[str, list[str]]) -> None:
        self.environ = environ
        self.options = options
        self.places: dict[str, str] = {}  # of the variables that a file or --env has set
        self.file: list[Entry] = []
        self.warnings: list[str] = []
        self._applied: dict[str, object] = {}
        self._too_late = {"chdir", "env_file", "env"}  # settings that no variable may change from now on

    def gather(self) -> Settings:
        """Read everything in its order."""
        self._apply()
        path, said = self._find_file()
        if path:
            from polydoor.settings.tomlfile import read_file  # only now: a process without a file needs no TOML

            self.file = read_file(path, said)
            self._too_late.add("config")
            self._apply()
        settings = load(self.environ, self.options, file=self.file, places=self.places)
        settings.warnings[:0] = self.warnings
        if path and not said and (self.file or path == USUAL):
            settings.put(Entry(BY_NAME["config"], DEFAULT, texts=[path]))
        _put_on_path(settings.text("app_dir"))
        return settings

    def _layers(self) -> Settings:
        """What has been read so far."""
        settings = Settings()
        lay_sources(settings, self.environ, self.options, file=self.file, places=self.places)
        return settings

    def _apply(self) -> None:
        """Do what changes the process, unless it was done for the same value."""
        for name, act in (("chdir", self._enter), ("env_file", self._read_variables), ("env", self._set_variables)):
            settings = self._layers()  # again each time: a variable that was set may be a setting
            value = settings.value(name)
            if settings.is_said(name) and self._applied.get(name) != value:
                self._applied[name] = value
                act(settings)

    def _enter(self, settings: Settings) -> None:
        try:
            os.chdir(settings.text("chdir"))
        except OSError as error:
            text = f"{settings.said('chdir')}: cannot go to {settings.text('chdir')}: {error.strerror}"
            raise ConfigError(text, code=codes.NO_FOLDER) from None

    def _read_variables(self, settings: Settings) -> None:
        from polydoor.settings.envfile import read_variables

        for path in settings.texts("env_file"):
            for name, value, line in read_variables(path, settings.said("env_file")):
                if name not in self.environ:
                    self._set(name, value, f"{path}:{line}", f"{path}:{line}")

    def _set_variables(self, settings: Settings) -> None:
        for pair in settings.texts("env"):
            name, _, value = pair.partition("=")
            self._set(name, value, settings.origin("env"), settings.said("env"))

    def _set(self, name: str, value: str, place: str, said: str) -> None:
        """Set a variable, unless it is one of ours that nobody would look at any more."""
        setting = BY_NAME.get(name.removeprefix(PREFIX).lower()) if name.startswith(PREFIX) else None
        if setting and setting.name in self._too_late and setting.variable == name:
            text = f"{said}: {name} comes too late here, what it says was looked at before"
            other = "name its variables here" if setting.name == "env" else f"use {setting.option}"
            raise ConfigError(f"{text}\nSet it before Polydoor starts, or {other}.", code=codes.TOO_LATE)
        self.environ[name] = value
        self.places[name] = place

    def _find_file(self) -> tuple[str, str]:
        """The path of the configuration file and who names it; empty where there is none."""
        settings = self._layers()
        if settings.is_said("config"):
            return settings.text("config"), settings.said("config")
        if os.path.lexists(USUAL):  # a link that leads nowhere is told, not passed over
            return USUAL, ""
        if not os.path.lexists(PROJECT):
            return "", ""
        from polydoor.settings.files import read_small

        try:
            return (PROJECT, "") if _may_hold_our_table(read_small(PROJECT)) else ("", "")
        except OSError as error:
            self.warnings.append(
                f"cannot read {PROJECT}, which may hold settings in [tool.polydoor]: {error.strerror}\n"
                "Let this user read it, or name a configuration with --config, /dev/null for none."
            )
            return "", ""


def _may_hold_our_table(raw: bytes) -> bool:
    """Whether it is worth reading a file as TOML: most projects have one that says nothing of us."""
    bare = raw.translate(None, b" \t\"'")
    return b"tool.polydoor" in bare or (b"polydoor" in bare and (b"[tool]" in bare or b"tool={" in bare))


def _put_on_path(folder: str) -> None:
    """The working directory is on sys.path in any case; a folder that was named comes before it."""
    if folder:
        here = current_folder()
        if here not in sys.path and "" not in sys.path:
            sys.path.insert(0, here)
        try:
            os.close(os.open(os.path.join(folder, "."), os.O_RDONLY | os.O_DIRECTORY))  # to be listed and entered
        except (FileNotFoundError, NotADirectoryError):
            text = f"there is no directory {folder} to import the application from"
            raise ConfigError(text, code=codes.NO_FOLDER) from None
        except OSError as error:
            text = f"cannot import the application from {folder}: {error.strerror}"
            text += "\nLet this user read and enter it, and enter the folders above it."
            raise ConfigError(text, code=codes.NO_FOLDER) from None
        sys.path.insert(0, os.path.abspath(folder))


def current_folder() -> str:
    """The folder from which relative paths count."""
    try:
        return os.getcwd()
    except OSError:
        text = "the current folder is not there any more\nGo to another one, or name one with --chdir."
        raise ConfigError(text, code=codes.NO_FOLDER) from None
