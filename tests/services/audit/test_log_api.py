"""What everybody can check, and what opens only to those concerned."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from integrity.canonical import canonical
from integrity.entries import EntryError, Opening, Place, verify_opening, verify_place
from integrity.merkle import EMPTY_ROOT, leaf_hash, root, verify_consistency, verify_inclusion
from kit.grants import OpeningGrant
from kit.ids import new_id
from kit.keys import SigningKey
from kit.service import Service
from tests.services.audit.desk import CODE, Desk, token
from tests.services.audit.source import Source, checkpoints, deliver, sequence

HASH = bytes.fromhex


async def fill(service: Service, source: Source, batches: int = 3) -> None:
    for number in range(batches):
        await deliver(service, *(source.public() for _ in range(number + 1)), source.blind())
        await sequence(service)


async def test_an_empty_log(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/log/1/head")).json() == {
        "origin": "uji/log/1",
        "algorithm": "rfc6962-sha256",
        "size": 0,
        "root": EMPTY_ROOT.hex(),
        "at": None,
        "seen": 0,
        "witnesses": [],
    }
    nothing = await client.get("/log/1/checkpoint")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "log_empty")
    assert (await client.get("/log/1/cosignatures")).text == ""
    assert (await client.get("/log/1/entries", params={"count": 5})).json() == {"size": 0, "entries": []}


async def test_whoever_reads_all_leaves_gets_the_published_root(
    service: Service, client: httpx2.AsyncClient, source: Source
) -> None:
    await fill(service, source)
    head = (await client.get("/log/1/head")).json()
    leaves: list[str] = []
    while len(leaves) < head["size"]:
        page = (await client.get("/log/1/leaves", params={"start": len(leaves), "count": 7})).json()
        assert page["start"] == len(leaves)
        leaves += page["leaves"]
    assert root(map(HASH, leaves)).hex() == head["root"]
    answer = (await client.get("/log/1/entries", params={"start": 0, "count": 1000})).json()
    assert [leaf_hash(entry["entry"].encode()).hex() for entry in answer["entries"]] == leaves


async def test_the_newest_entries(service: Service, client: httpx2.AsyncClient, source: Source) -> None:
    await fill(service, source)
    answer = (await client.get("/log/1/entries", params={"count": 3})).json()
    assert [entry["index"] for entry in answer["entries"]] == list(range(answer["size"] - 3, answer["size"]))
    assert all(leaf_hash(entry["entry"].encode()).hex() == entry["leaf_hash"] for entry in answer["entries"])


async def test_every_leaf_is_proved_at_every_size(service: Service, client: httpx2.AsyncClient, source: Source) -> None:
    await fill(service, source)
    last = (await client.get("/log/1/head")).json()["size"]
    answer = (await client.get("/log/1/leaves", params={"start": 0, "count": 1000})).json()
    leaves = [HASH(leaf) for leaf in answer["leaves"]]
    for size in range(1, last + 1):
        for index in {0, size // 2, size - 1}:
            proof = (await client.get("/log/1/proof/inclusion", params={"index": index, "size": size})).json()
            assert HASH(proof["leaf_hash"]) == leaves[index]
            verify_inclusion(leaves[index], index, size, [HASH(hash_) for hash_ in proof["path"]], root(leaves[:size]))


async def test_the_log_only_grows(service: Service, client: httpx2.AsyncClient, source: Source) -> None:
    await fill(service, source, batches=4)
    heads = await checkpoints(service.database)
    assert len(heads) == 4
    for old in heads:
        for new in (head for head in heads if head.size >= old.size):
            answer = await client.get("/log/1/proof/consistency", params={"from": old.size, "to": new.size})
            path = [HASH(hash_) for hash_ in answer.json()["path"]]
            verify_consistency(old.size, old.root, new.size, new.root, path)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("inclusion", {"index": 0, "size": 1000}),
        ("inclusion", {"index": 5, "size": 5}),
        ("inclusion", {"index": 0, "size": 0}),
        ("inclusion", {"index": -1, "size": 5}),
        ("inclusion", {"index": 0, "size": 2**70}),
        ("consistency", {"from": 5, "to": 1000}),
        ("consistency", {"from": 5, "to": 4}),
        ("consistency", {"from": 0, "to": 5}),
    ],
)
async def test_a_proof_of_what_is_not_published(
    service: Service, client: httpx2.AsyncClient, source: Source, path: str, params: dict[str, int]
) -> None:
    await fill(service, source, batches=1)
    answer = await client.get(f"/log/1/proof/{path}", params=params)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("start", "count"), [(0, 0), (0, 1001), (-1, 5)])
async def test_ranges_are_bounded(client: httpx2.AsyncClient, start: int, count: int) -> None:
    for what in ("leaves", "entries"):
        answer = await client.get(f"/log/1/{what}", params={"start": start, "count": count})
        assert answer.status_code == 422


@pytest.mark.parametrize("kind", ["blind", "public"])
async def test_an_opening_for_who_acted(
    service: Service, client: httpx2.AsyncClient, source: Source, key_home: Path, kind: str
) -> None:
    actor = new_id()
    envelope = source.blind(actor) if kind == "blind" else source.public(actor)
    await deliver(service, envelope)
    await sequence(service)
    found = await client.get(f"/log/1/entries/{envelope.id}", headers=token(key_home, actor, "penyedia"))
    assert found.status_code == 200
    opened = found.json()
    opening = Opening.from_json(opened["opening"])
    verify_opening(opened["entry"].encode(), opening, HASH(opened["r"]))
    assert (opening.actor, opening.src) == (str(actor), "tender")
    if kind == "blind":
        assert canonical(opening.body) == canonical(envelope.data)
    head = (await client.get("/log/1/head")).json()
    where = {"index": opened["index"], "size": head["size"]}
    proof = (await client.get("/log/1/proof/inclusion", params=where)).json()
    leaf = leaf_hash(opened["entry"].encode())
    verify_inclusion(leaf, opened["index"], head["size"], [HASH(hash_) for hash_ in proof["path"]], HASH(head["root"]))


def granted(key_home: Path, event: UUID, owner: str) -> dict[str, str]:
    now = datetime.now(UTC)
    grant = OpeningGrant(new_id(), event, owner, now + timedelta(minutes=1))
    return {"Lpse-Grant": grant.issue(SigningKey.load(key_home / owner, owner, "grant"), now)}


async def test_a_grant_opens_to_its_bearer_what_its_own_service_emitted(
    service: Service, client: httpx2.AsyncClient, source: Source, key_home: Path
) -> None:
    """Who holds a receipt need not be who caused its event, nor have an account."""
    mine = source.blind(new_id())
    await deliver(service, mine)
    await sequence(service)

    async def asked(event: UUID, owner: str, **headers: str) -> tuple[int, str]:
        answer = await client.get("/log/1/opening", headers=headers | granted(key_home, event, owner))
        return answer.status_code, str(answer.json().get("event_id") or answer.json()["code"])

    assert (await client.get("/log/1/opening")).status_code == 422
    assert await asked(mine.id, "tender") == (200, str(mine.id))
    assert await asked(mine.id, "registry") == (404, "not_found")
    assert await asked(new_id(), "tender") == (404, "not_found")
    assert await asked(mine.id, "registry", **token(key_home, new_id(), "auditor")) == (404, "not_found")


async def test_a_grant_does_not_tell_the_place(
    service: Service, client: httpx2.AsyncClient, source: Source, key_home: Path
) -> None:
    envelope = source.blind(new_id())
    await deliver(service, envelope)
    await sequence(service)
    shown = (await client.get("/log/1/opening", headers=granted(key_home, envelope.id, "tender"))).json()
    assert (shown["seq"], shown["place_r"]) == (None, None)


@pytest.mark.parametrize("kind", ["blind", "public"])
async def test_who_acts_twice_cannot_count_what_happened_between(
    service: Service, client: httpx2.AsyncClient, source: Source, key_home: Path, kind: str
) -> None:
    """What a firm is shown of its bid and of the bid that replaces it fits any number of bids of others."""
    actor = new_id()
    make = source.blind if kind == "blind" else source.public
    first, rivals, second = make(actor), [source.blind(new_id()) for _ in range(3)], make(actor)
    await deliver(service, first, *rivals, second)
    await sequence(service)
    for envelope in (first, second):
        shown = (await client.get(f"/log/1/entries/{envelope.id}", headers=token(key_home, actor, "penyedia"))).json()
        assert (shown["seq"], shown["place_r"]) == (None, None)
        assert set(shown["opening"]) == {"actor", "at", "body", "kind", "place", "src"}
        opening = Opening.from_json(shown["opening"])
        for seq in range(10):
            with pytest.raises(EntryError, match="another place"):
                verify_place(opening, Place("tender", seq), HASH(shown["r"]))


@pytest.mark.parametrize("role", ["auditor", "inspektur"])
async def test_auditors_see_that_the_events_of_a_source_have_no_gap(desk: Desk, role: str) -> None:
    made = [desk.source.blind(new_id(), tender=desk.tender), desk.source.public(new_id(), tender=desk.tender)]
    await deliver(desk.service, *made)
    await desk.open(desk.tender, CODE)
    await desk.grant(CODE)
    seen = []
    for envelope in made:
        shown = (await desk.ask(desk.auditor, role, f"/log/1/entries/{envelope.id}")).json()
        opening = Opening.from_json(shown["opening"])
        verify_opening(shown["entry"].encode(), opening, HASH(shown["r"]))
        verify_place(opening, Place(opening.src, shown["seq"]), HASH(shown["place_r"]))
        seen.append(shown["seq"])
    assert seen == [3, 4]


async def test_an_opening_is_not_for_others(
    service: Service, client: httpx2.AsyncClient, source: Source, key_home: Path
) -> None:
    envelope = source.blind(new_id())
    await deliver(service, envelope)
    await sequence(service)
    path = f"/log/1/entries/{envelope.id}"
    others = [await client.get(path, headers=token(key_home, new_id(), role)) for role in ("penyedia", "ketua_lpse")]
    nothing = await client.get(f"/log/1/entries/{new_id()}", headers=token(key_home, new_id(), "penyedia"))
    assert [answer.status_code for answer in (*others, nothing)] == [404, 404, 404]
    assert {answer.json()["code"] for answer in (*others, nothing)} == {"not_found"}
    assert (await client.get(path)).status_code == 401


async def test_what_the_system_did_opens_for_those_who_watch_alone(
    service: Service, client: httpx2.AsyncClient, source: Source, key_home: Path
) -> None:
    envelope = source.short_blind()
    await deliver(service, envelope)
    await sequence(service)
    path = f"/log/1/entries/{envelope.id}"
    assert (await client.get(path, headers=token(key_home, new_id()))).status_code == 404
    assert (await client.get(path, headers=token(key_home, new_id(), "inspektur"))).status_code == 200


async def test_not_yet(service: Service, client: httpx2.AsyncClient, source: Source, key_home: Path) -> None:
    actor = new_id()
    envelope = source.blind(actor)
    await deliver(service, envelope)
    answer = await client.get(f"/log/1/entries/{envelope.id}", headers=token(key_home, actor))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_yet")
    stranger = await client.get(f"/log/1/entries/{envelope.id}", headers=token(key_home, new_id()))
    assert stranger.json()["code"] == "not_found"


async def test_the_keys_are_published_without_their_private_halves(client: httpx2.AsyncClient, key_home: Path) -> None:
    keys = (await client.get("/log/1/keys")).json()["keys"]
    receipt = SigningKey.load(key_home / "tender", "tender", "receipt")
    found = next(key for key in keys if key["kid"] == receipt.kid)
    assert (found["lpse_owner"], found["lpse_purpose"], found["crv"]) == ("tender", "receipt", "Ed25519")
    assert found["x"] == receipt.jwk.as_dict(private=False)["x"]
    assert not [key for key in keys if "d" in key]
