"""From registration to admission (Pasal 9): papers, originals, deficiencies, duplicates."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from kit import clock
from kit.grants import DownloadGrant, UploadGrant
from tests.services.registry.office import Office, anybody, npwp, ok, paper, problem, registration

ENTITY = ["formulir_pendaftaran", "formulir_keikutsertaan", "ktp", "akta_pendirian", "npwp", "surat_izin_usaha"]


def admit(originals: list[str], **others: object) -> dict[str, object]:
    return {"outcome": "verified", "originals": originals, "place": "Ruang verifikasi LPSE"} | others


async def test_a_provider_is_admitted(office: Office) -> None:
    await office.enter("verifikator")
    id, papers = await office.submitted("majujaya")
    queue = ok(await office.get("/verifications", as_="verifikator"))["items"]
    assert [(one["id"], one["status"]) for one in queue] == [(id, "submitted")]

    decided = ok(await office.post(f"/providers/{id}/decision", admit(papers), as_="verifikator"))
    assert decided["status"] == "verified"
    record = decided["decisions"][0]
    me = ok(await office.get("/me", as_="verifikator"))
    assert (record["outcome"], record["verifier"], record["place"]) == ("verified", me["id"], "Ruang verifikasi LPSE")
    assert datetime.now(UTC) - datetime.fromisoformat(record["decided_at"]) < timedelta(minutes=1)

    assert ok(await office.get("/verifications", as_="verifikator"))["items"] == []
    assert (await office.events("registry.provider.registered.v1"))[0]["provider"] == id
    (event,) = await office.events("registry.provider.verified.v1")
    account = ok(await office.get("/me", as_="majujaya"))["id"]
    expected = {"provider": id, "account": account, "name": "CV Majujaya", "kind": "badan_usaha"}
    assert event == expected | {"licence_expires": None}


async def test_the_events_name_no_person_and_no_number(office: Office) -> None:
    await office.submitted("majujaya")
    (event,) = await office.events("registry.provider.registered.v1")
    assert set(event) == {"provider", "kind", "record_sha256"}


async def test_registration_says_which_papers(office: Office) -> None:
    assert (await office.register("majujaya"))["required_papers"] == ENTITY
    assert "akta_perubahan" in (await office.register("sumber", amended_deed=True))["required_papers"]
    person = await office.register("sri", kind="perorangan", npwp="3576014107850003")
    assert person["required_papers"] == [paper for paper in ENTITY if not paper.startswith("akta")]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"npwp": "216090524017001"}, 422, "invalid_request"),
        ({"npwp": "3576014107850003"}, 422, "invalid_request"),
        ({"user_id": "ppk"}, 409, "user_id_taken"),
        ({"user_id": "PPK"}, 409, "user_id_taken"),
        ({"password": "pendek"}, 422, "invalid_request"),
        ({"kind": "koperasi"}, 422, "invalid_request"),
        ({"role": "verifikator"}, 422, "invalid_request"),
    ],
)
async def test_registrations_that_are_refused(office: Office, change: dict[str, str], status: int, code: str) -> None:
    refused = problem(await office.post("/registrations", registration("majujaya", **change)), status, code)
    assert "pendek" not in str(refused)


async def test_all_mistakes_of_a_registration_are_told_at_once(office: Office) -> None:
    wrong = {"npwp": "216090524017001", "password": "pendek", "email": "tanpa-at", "phone": ""}
    told = problem(await office.post("/registrations", registration("majujaya", **wrong)), 422, "invalid_request")
    assert {error["at"] for error in told["errors"]} == {f"body/{name}" for name in wrong}
    number = next(error for error in told["errors"] if error["at"] == "body/npwp")
    assert number["type"] == "npwp_check_digit"
    assert "Pasal 9(1)a.2.c" in number["why"]
    short = (await office.post("/registrations", registration("majujaya", npwp="01.300.066"))).json()["errors"]
    assert [error["type"] for error in short] == ["npwp_length"]
    person = await office.post("/registrations", registration("majujaya", npwp="3576014107850003"))
    assert [error["type"] for error in person.json()["errors"]] == ["npwp_of_a_person"]


async def test_submission_waits_for_every_copy(office: Office) -> None:
    provider = (await office.register("majujaya"))["provider"]
    for kind in ENTITY[:-1]:
        await office.hand_in("majujaya", kind)
    ok(await office.post("/papers", paper("surat_izin_usaha"), as_="majujaya"), 201)  # entered, but no copy
    refused = problem(await office.post(f"/providers/{provider}/submission", as_="majujaya"), 422, "papers_missing")
    assert refused["missing"] == ["surat_izin_usaha"]
    assert ok(await office.get("/providers/mine", as_="majujaya"))["missing_papers"] == ["surat_izin_usaha"]


async def test_a_refused_admission_lists_exactly_what_is_missing(office: Office) -> None:
    await office.enter("verifikator")
    id, papers = await office.submitted("majujaya")
    seen = [paper for paper, kind in zip(papers, ENTITY, strict=True) if kind not in {"ktp", "npwp"}]
    refused = await office.post(f"/providers/{id}/decision", admit(seen), as_="verifikator")
    listed = problem(refused, 422, "verification_deficient")["deficiencies"]
    assert listed == ["ktp: original_not_seen", "npwp: original_not_seen"]
    assert ok(await office.get(f"/providers/{id}", as_="verifikator"))["status"] == "submitted"


async def test_an_expired_licence_blocks_and_a_rejected_provider_comes_again(office: Office) -> None:
    await office.enter("verifikator")
    provider = (await office.register("majujaya"))["provider"]
    papers = [await office.hand_in("majujaya", kind) for kind in ENTITY[:-1]]
    old = await office.hand_in("majujaya", "surat_izin_usaha", expires_on="2030-06-30")
    await office.later("update paper set expires_on = '2025-06-30' where kind = 'surat_izin_usaha'")
    ok(await office.post(f"/providers/{provider}/submission", as_="majujaya"))
    refused = await office.post(f"/providers/{provider}/decision", admit([*papers, old]), as_="verifikator")
    assert problem(refused, 422, "verification_deficient")["deficiencies"] == ["surat_izin_usaha: expired"]

    problem(await office.post("/papers", paper("surat_izin_usaha"), as_="majujaya"), 409, "papers_closed")
    rejection = {"outcome": "rejected", "place": "Ruang verifikasi LPSE", "deficiencies": []}
    bare = await office.post(f"/providers/{provider}/decision", rejection, as_="verifikator")
    problem(bare, 422, "deficiencies_required")
    rejection["deficiencies"] = ["Surat izin usaha habis masa berlakunya"]
    rejected = ok(await office.post(f"/providers/{provider}/decision", rejection, as_="verifikator"))
    assert (rejected["status"], rejected["decisions"][0]["deficiencies"]) == ("rejected", rejection["deficiencies"])
    assert (await office.events("registry.provider.rejected.v1"))[0]["provider"] == provider

    new = await office.hand_in("majujaya", "surat_izin_usaha", expires_on="2030-06-30")
    ok(await office.post(f"/providers/{provider}/submission", as_="majujaya"))
    ok(await office.post(f"/providers/{provider}/decision", admit([*papers, new]), as_="verifikator"))
    assert (await office.events("registry.provider.verified.v1"))[0]["licence_expires"] == "2030-06-30"


async def test_a_duplicate_blocks_until_the_verifier_explains_it(office: Office) -> None:
    await office.enter("verifikator")
    first, _ = await office.submitted("majujaya")
    second, papers = await office.submitted("jayamaju", npwp=f"0{npwp('majujaya')}")
    shown = ok(await office.get(f"/providers/{second}", as_="verifikator"))
    assert shown["duplicates"] == [first]
    assert ok(await office.get(f"/providers/{second}", as_="jayamaju"))["duplicates"] is None

    path = f"/providers/{second}/decision"
    refused = problem(await office.post(path, admit(papers), as_="verifikator"), 422, "verification_deficient")
    assert refused["deficiencies"] == [f"duplicate: {first}"]
    silent = admit(papers, resolved_duplicates=[first])
    problem(await office.post(path, silent, as_="verifikator"), 422, "duplicate_unexplained")
    explained = admit(papers, resolved_duplicates=[first], notes="Pendaftaran pertama ditarik oleh pemiliknya.")
    ok(await office.post(path, explained, as_="verifikator"))


async def test_the_same_mail_address_is_a_duplicate_and_a_branch_elsewhere_is_none(office: Office) -> None:
    await office.enter("verifikator")
    head, _ = await office.submitted("majujaya")
    branch, _ = await office.submitted("majumalang", npwp=npwp("majujaya"), branch=True, address="Jalan Ijen 5, Malang")
    mail, _ = await office.submitted("lain", email="MajuJaya@example.id")
    duplicates = {
        id: ok(await office.get(f"/providers/{id}", as_="verifikator"))["duplicates"] for id in (head, branch, mail)
    }
    assert duplicates == {head: [mail], branch: [], mail: [head]}


async def test_decisions_happen_once(office: Office) -> None:
    await office.enter("verifikator")
    id, papers = await office.submitted("majujaya")
    path, body = f"/providers/{id}/decision", admit(papers)
    first = await office.post(path, body, as_="verifikator", key="keputusan-1")
    again = await office.post(path, body, as_="verifikator", key="keputusan-1")
    assert again.headers["idempotent-replayed"] == "true"
    assert ok(again) == ok(first)
    changed = await office.post(path, admit([]), as_="verifikator", key="keputusan-1")
    problem(changed, 409, "idempotency_key_reused")
    problem(await office.post(path, body, as_="verifikator"), 409, "not_submitted")
    assert len(await office.events("registry.provider.verified.v1")) == 1


async def test_the_grant_lets_its_owner_upload_this_paper_alone(office: Office) -> None:
    answer = await office.register("majujaya")
    begun = ok(await office.post("/papers", paper("ktp"), as_="majujaya"), 201)
    grant = UploadGrant.verify(begun["grant"], office.service.ring, datetime.now(UTC))
    assert (grant.owner, grant.record, grant.account) == ("registry", UUID(begun["id"]), UUID(answer["account"]))
    assert begun["upload"] == "/api/documents/uploads"


async def test_what_arrived_must_be_what_was_sent(office: Office) -> None:
    await office.register("majujaya")
    begun = ok(await office.post("/papers", paper("ktp"), as_="majujaya"), 201)
    path, stated = f"/papers/{begun['id']}/file", office.stated(begun["grant"])
    other = office.stated(begun["grant"], b"other bytes")
    mixed = {**stated, "md5": other["md5"]}
    problem(await office.post(path, mixed, as_="majujaya"), 409, "paper_differs")
    mixed = {**stated, "sha256": other["sha256"]}
    problem(await office.post(path, mixed, as_="majujaya"), 409, "paper_differs")
    kept = ok(await office.post(path, stated, as_="majujaya"))
    assert (kept["md5"], kept["sha256"]) == (stated["md5"], stated["sha256"])
    problem(await office.post(path, stated, as_="majujaya"), 409, "paper_has_file")


@pytest.mark.parametrize("field", ["grant", "record", "account", "purpose"])
async def test_a_statement_about_another_upload_is_refused(office: Office, field: str) -> None:
    await office.register("majujaya")
    begun = ok(await office.post("/papers", paper("ktp"), as_="majujaya"), 201)
    other: dict[str, Any] = {field: "answer" if field == "purpose" else anybody()}
    stated = office.stated(begun["grant"], **other)
    problem(await office.post(f"/papers/{begun['id']}/file", stated, as_="majujaya"), 403, "statement_of_another_paper")


async def test_a_statement_signed_by_another_service_is_refused(office: Office) -> None:
    await office.register("majujaya")
    begun = ok(await office.post("/papers", paper("ktp"), as_="majujaya"), 201)
    stated = office.stated(begun["grant"]) | {"statement": begun["grant"]}
    refused = await office.post(f"/papers/{begun['id']}/file", stated, as_="majujaya")
    problem(refused, 403, "wrong_kind")


async def test_a_ktp_carries_a_nik(office: Office) -> None:
    await office.register("majujaya")
    refused = problem(
        await office.post("/papers", paper("ktp", number="3576013102850003"), as_="majujaya"), 422, "nik_invalid"
    )
    assert "3576013102850003" not in str(refused)


@pytest.mark.parametrize(
    ("kind", "dates", "code"),
    [
        ("npwp", {"issued_on": "2026-11-24"}, "paper_issued_later"),
        ("npwp", {"issued_on": "2026-11-23"}, None),
        ("akta_pendirian", {"issued_on": "2026-11-02", "expires_on": "2026-11-01"}, "paper_ends_first"),
        ("akta_pendirian", {"issued_on": "2026-11-02", "expires_on": "2026-11-02"}, None),
        ("surat_izin_usaha", {"expires_on": "2026-11-22"}, "paper_expired"),
        ("surat_izin_usaha", {"expires_on": "2026-11-23"}, None),
    ],
)
async def test_the_dates_of_a_paper_fit_the_business_day(
    office: Office, kind: str, dates: dict[str, str], code: str | None
) -> None:
    await office.register("majujaya")
    async with office.service.database.transaction() as db:
        midnight = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)  # 23 November, 00:00 WIB
        await db.execute(clock.clock.update().values(stopped_at=midnight))
    answer = await office.post("/papers", paper(kind, **dates), as_="majujaya")
    if code is None:
        ok(answer, 201)
        return
    refused = problem(answer, 422, code)
    assert "Pasal 9(1)a.2" in refused["article"]
    assert ok(await office.get("/providers/mine", as_="majujaya"))["papers"] == []


async def test_papers_are_read_by_their_owner_and_verifiers(office: Office) -> None:
    await office.register("sumber")
    await office.enter("verifikator")
    provider = (await office.register("majujaya"))["provider"]
    id = await office.hand_in("majujaya", "ktp")
    for reader in ("majujaya", "verifikator"):
        answer = ok(await office.post(f"/papers/{id}/download", as_=reader))
        grant = DownloadGrant.verify(answer["grant"], office.service.ring, datetime.now(UTC))
        me = ok(await office.get("/me", as_=reader))["id"]
        assert (str(grant.object), str(grant.account)) == (answer["object"], me)
    problem(await office.post(f"/papers/{id}/download", as_="sumber"), 404, "not_found")
    problem(await office.get(f"/providers/{provider}", as_="sumber"), 404, "not_found")
    problem(await office.post(f"/providers/{provider}/submission", as_="sumber"), 404, "not_found")
    begun = ok(await office.post("/papers", paper("ktp"), as_="majujaya"), 201)
    stated = office.stated(begun["grant"])
    problem(await office.post(f"/papers/{begun['id']}/file", stated, as_="sumber"), 404, "not_found")
    unread = await office.post(f"/papers/{begun['id']}/download", as_="verifikator")
    problem(unread, 404, "not_found")


async def test_only_verifiers_decide(office: Office) -> None:
    id, papers = await office.submitted("majujaya")
    for user_id in ("admin_agency", "helpdesk", "pokja1"):
        await office.enter(user_id)
        refused = await office.post(f"/providers/{id}/decision", admit(papers), as_=user_id)
        problem(refused, 403, "role_required")
        problem(await office.get("/verifications", as_=user_id), 403, "role_required")
    refused = await office.post(f"/providers/{id}/decision", admit(papers), as_="majujaya")
    problem(refused, 403, "role_required")
    problem(await office.post(f"/providers/{id}/decision", admit(papers)), 401, "login_required")


async def test_the_queue_is_read_page_by_page_in_order(office: Office) -> None:
    await office.enter("verifikator")
    ids = [(await office.submitted(f"penyedia{n}"))[0] for n in range(3)]
    first = ok(await office.get("/verifications", as_="verifikator", limit=2))
    rest = ok(await office.get("/verifications", as_="verifikator", limit=2, cursor=first["next"]))
    assert [one["id"] for one in first["items"] + rest["items"]] == ids
    assert rest["next"] is None
    problem(await office.get("/verifications", as_="verifikator", cursor="bukan"), 400, "cursor_invalid")


async def test_a_write_without_a_key_is_refused(office: Office) -> None:
    response = await office.client.post("/registrations", json=registration("majujaya"))
    problem(response, 400, "idempotency_key_missing")


async def test_a_verifier_sees_beforehand_what_stands_against_admission(office: Office) -> None:
    await office.enter("verifikator")
    first, papers = await office.submitted("majujaya")
    seen = ok(await office.get(f"/providers/{first}", as_="verifikator"))
    assert seen["deficiencies"] == [], "originals are what the verifier is about to see"
    await office.later("update paper set expires_on = '2020-01-01' where kind = 'ktp'")
    second, _ = await office.submitted("sumber", npwp=npwp("majujaya"))
    seen = ok(await office.get(f"/providers/{first}", as_="verifikator"))
    assert seen["deficiencies"] == ["ktp: expired", f"duplicate: {second}"]
    refused = await office.post(f"/providers/{first}/decision", admit(papers), as_="verifikator")
    assert problem(refused, 422, "verification_deficient")["deficiencies"] == seen["deficiencies"]
    assert ok(await office.get(f"/providers/{first}", as_="majujaya"))["deficiencies"] is None


async def test_the_copy_of_a_paper_may_come_another_day(office: Office) -> None:
    """Under a new grant; the one before fits no longer, and a paper that has its copy gets none."""
    await office.register("majujaya")
    await office.register("sumber")
    begun = ok(await office.post("/papers", paper("npwp"), as_="majujaya"), 201)
    path, copy = f"/papers/{begun['id']}/upload", {"name": "npwp.jpg", "media_type": "image/jpeg"}
    again = ok(await office.post(path, copy, as_="majujaya"), 201)
    assert again["id"] == begun["id"]
    granted = UploadGrant.verify(again["grant"], office.service.ring, datetime.now(UTC))
    assert (str(granted.record), granted.media_types) == (begun["id"], ("image/jpeg",))
    problem(await office.post(path, copy | {"media_type": "text/html"}, as_="majujaya"), 422, "invalid_request")
    problem(await office.post(path, copy, as_="sumber"), 404, "not_found")
    file = f"/papers/{begun['id']}/file"
    problem(await office.post(file, office.stated(begun["grant"]), as_="majujaya"), 403, "statement_of_another_paper")
    ok(await office.post(file, office.stated(again["grant"]), as_="majujaya"))
    problem(await office.post(path, copy, as_="majujaya"), 409, "paper_has_file")
