"""A provider has in writing that its papers came, and why they were refused."""

from datetime import UTC, datetime

from integrity.canonical import parse
from kit.grants import OpeningGrant
from tests.receipts import read
from tests.services.registry.office import Office, ok, problem

REJECTION = {"outcome": "rejected", "place": "Ruang verifikasi LPSE", "deficiencies": ["ktp: tidak terbaca"]}


async def receipts_of(office: Office, who: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = ok(await office.get("/providers/mine/receipts", as_=who))
    return found


async def test_each_submission_and_each_refusal_has_one(office: Office) -> None:
    await office.enter("verifikator")
    provider, papers = await office.submitted("majujaya")
    ok(await office.post(f"/providers/{provider}/decision", REJECTION, as_="verifikator"))
    ok(await office.post(f"/providers/{provider}/submission", as_="majujaya"))
    rows = await receipts_of(office, "majujaya")
    assert [row["of"] for row in rows] == ["registration", "rejection", "registration"]
    told = await office.events("registry.provider.registered.v1") + await office.events("registry.provider.rejected.v1")
    hashes = set()
    for row in rows:
        kept = ok(await office.get(f"/receipts/{row['event_id']}", as_="majujaya"))
        said = read(office.service.ring, kept)
        assert (said["of"], said["subject"], said["status"]) == (row["of"], provider, "provisional")
        assert said["received_at"] == row["at"]
        hashes.add(said["record_sha256"])
        record = parse(kept["record"].encode())
        if row["of"] == "registration":
            assert record["papers"] == said["files"]
            assert len(said["files"]) == len(papers)
        else:
            assert (record["deficiencies"], said["files"]) == (REJECTION["deficiencies"], [])
            assert said["decision"]["deficiencies"] == REJECTION["deficiencies"]
    assert hashes == {event["record_sha256"] for event in told}


async def test_what_comes_with_it_opens_its_own_entry_and_no_other(office: Office) -> None:
    await office.submitted("majujaya")
    [row] = await receipts_of(office, "majujaya")
    kept = ok(await office.get(f"/receipts/{row['event_id']}", as_="majujaya"))
    grant = OpeningGrant.verify(kept["grant"], office.service.ring, datetime.now(UTC))
    assert (str(grant.event), grant.owner) == (row["event_id"], "registry")


async def test_nobody_else_gets_it(office: Office) -> None:
    await office.submitted("majujaya")
    await office.submitted("sumber")
    [row] = await receipts_of(office, "majujaya")
    problem(await office.get(f"/receipts/{row['event_id']}", as_="sumber"), 404, "not_found")
    assert row["event_id"] not in {other["event_id"] for other in await receipts_of(office, "sumber")}


async def test_papers_that_are_not_complete_were_not_handed_in(office: Office) -> None:
    provider = (await office.register("majujaya"))["provider"]
    assert (await office.post(f"/providers/{provider}/submission", as_="majujaya")).status_code == 422
    assert await receipts_of(office, "majujaya") == []
