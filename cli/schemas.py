"""The contracts' generated files: JSON Schema per event and one AsyncAPI document, committed and guarded by a test."""

import json
from pathlib import Path
from typing import Any

import yaml

from contracts import CATALOGUE
from kit.envelope import Envelope, Event
from services import SERVICES

__all__ = ["drift", "generated"]

FOLDER = Path(__file__).resolve().parent.parent / "contracts"


def drift(*, write: bool) -> list[str]:
    """Files that are not what the contracts say; with `write` they are made so."""
    wanted = generated()
    have = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "schemas").glob("*.json")}
    changed = [name for name, text in wanted.items() if not _same(name, text)]
    stale = sorted(have - set(wanted))
    if write:
        (FOLDER / "schemas").mkdir(exist_ok=True)
        for name in changed:
            (FOLDER / name).write_text(wanted[name])
        for name in stale:
            (FOLDER / name).unlink()
    return [*changed, *stale]


def _same(name: str, text: str) -> bool:
    path = FOLDER / name
    return path.exists() and path.read_text() == text


def generated() -> dict[str, str]:
    files = {f"schemas/{type_}.json": _json(_schema(event)) for type_, event in sorted(CATALOGUE.items())}
    files["schemas/envelope.json"] = _json(Envelope.model_json_schema(mode="serialization"))
    files["asyncapi.yaml"] = yaml.safe_dump(_asyncapi(), sort_keys=False, allow_unicode=True, width=120)
    return files


def _schema(event: type[Event]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | event.model_json_schema(mode="serialization")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _asyncapi() -> dict[str, Any]:
    """One channel per event type; who receives it is the services' own word."""
    from cli.wiring import subscriptions

    wants = subscriptions()
    operations: dict[str, Any] = {}
    for type_ in sorted(CATALOGUE):
        name = type_.replace(".", "_")
        operations[f"send_{name}"] = {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
        for service in SERVICES:
            if type_ in wants[service]:
                operations[f"receive_{name}_{service}"] = {
                    "action": "receive", "channel": {"$ref": f"#/channels/{name}"}, "tags": [{"name": service}],
                }  # fmt: skip
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OpenLPSE events",
            "version": "1",
            "description": "CloudEvents 1.0 in JSON on one topic exchange; the routing key is the event's type. "
            "The audit service receives every event.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            type_.replace(".", "_"): {
                "address": type_,
                "messages": {type_.replace(".", "_"): {"$ref": f"#/components/messages/{type_.replace('.', '_')}"}},
            }
            for type_ in sorted(CATALOGUE)
        },
        "operations": operations,
        "components": {"messages": {type_.replace(".", "_"): _message(type_) for type_ in sorted(CATALOGUE)}},
    }


def _message(type_: str) -> dict[str, Any]:
    event = CATALOGUE[type_]
    return {
        "name": type_,
        "summary": (event.__doc__ or "").strip(),
        "headers": {"$ref": "schemas/envelope.json"},
        "payload": {"$ref": f"schemas/{type_}.json"},
    }
