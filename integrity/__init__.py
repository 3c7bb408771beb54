"""Everything needed to check what an LPSE claims, and nothing else.

Pure functions over bytes: no network, no database, no settings; only the standard library and `cryptography`.
The server writes its log with this package and anybody checks the log with it, so the two cannot disagree.

- `canonical`  one JSON value, one byte string (RFC 8785)
- `merkle`     the tree of the log and its proofs (RFC 6962)
- `entries`    what the log's leaves say, what they hide, and how the hidden part is opened
- `dsse`       signed statements and receipts
- `ed25519`    the one rule by which a signature counts
- `note`       texts that several sign, each in a line of its own (C2SP signed-note, tlog-cosignature)
- `checkpoint` the whole log in three lines (C2SP tlog-checkpoint)
- `policy`     which logs and witnesses are believed, and how many are enough (C2SP tlog-policy)
- `tiles`      the log as files that never change (C2SP tlog-tiles)
- `proof`      an entry's place in the log, to be checked without any network (C2SP tlog-proof)
- `receipts`   what was answered to whoever handed something in, checked layer by layer
- `qr`         what the code on a printed receipt says
- `dossier`    all there is of one tender in one archive, each part held against what was signed and logged
- `trust`      whose word about an LPSE counts, signed by two of three offices

From a notebook, with the files of one log entry beside it::

    import json
    from integrity import entries, merkle

    entry = open("entry.json", "rb").read()
    proof = json.load(open("proof.json"))
    head = json.load(open("checkpoint.json"))
    merkle.verify_inclusion(
        merkle.leaf_hash(entry),
        proof["index"],
        head["size"],
        [bytes.fromhex(sibling) for sibling in proof["path"]],
        bytes.fromhex(head["root"]),
    )  # returns: the entry stands in the log; raises ProofError: it says what is wrong

    secret = json.load(open("opening.json"))
    opening = entries.Opening.from_json(secret["opening"])
    entries.verify_opening(entry, opening, bytes.fromhex(secret["r"]))

Every failed check raises a subclass of `ValueError` whose text names what is wrong.
"""
