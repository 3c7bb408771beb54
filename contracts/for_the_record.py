"""Events that nobody but audit reacts to, each with the reason why that is right.

An event stands here or has a consumer; a test fails when neither or both hold.
"""

FOR_THE_RECORD: dict[str, str] = {
    "registry.user.assigned.v1": "rights travel as claims of the access token; the log shows who held which and when",
    "registry.user.expired.v1": "the registry stops giving the claim; the log shows since when",
    "registry.provider.registered.v1": "the verifier's queue is the registry's own; the log shows when the papers came",
    "registry.provider.rejected.v1": "a provider that was never admitted is known nowhere else",
    "tender.package.created.v1": "the package is tender's own until it is announced",
    "tender.question.asked.v1": "questions and answers live in tender; the log shows that none was dropped",
    "tender.question.answered.v1": "as the question",
    "tender.bid.submitted.v1": "nobody outside tender may know of a bid before opening; the log commits to it blindly",
    "tender.bid.replaced.v1": "as the bid",
    "tender.bid.refused.v1": "the refusal's proof is the log and the receipt",
    "tender.tender.closed.v1": "the manifest binds the opening; the log holds its hash",
    "tender.tender.opened.v1": "the opening's list equals the manifest's; the log shows it",
    "tender.winner.announced.v1": "the portal asks tender; the log fixes what was announced",
    "tender.appointment.issued.v1": "contracts are tender's own; the log fixes who was appointed",
    "tender.bid.opened.v1": "the opening of one bid, for the bidder and auditors",
    "tender.evaluation.recorded.v1": "secret until the announcement; the log shows that it was not rewritten",
    "tender.winner.determined.v1": "secret until the announcement",
    "tender.objection.filed.v1": "the Pokja's list is tender's own; the log shows when it came",
    "tender.objection.answered.v1": "as the objection",
    "documents.document.stored.v1": "the owner learns it from the signed statement, which cannot get lost on the way",
    "documents.document.accessed.v1": "the access register, for the person concerned and auditors",
    "helpdesk.ticket.opened.v1": "service statistics are the helpdesk's own",
    "helpdesk.ticket.answered.v1": "as the ticket",
    "helpdesk.ticket.closed.v1": "as the ticket",
    "helpdesk.complaint.submitted.v1": "the duty to forward is the helpdesk's own; the log shows when it began",
    "helpdesk.complaint.forwarded.v1": "the proof that both mandatory recipients were served",
    "helpdesk.complaint.overdue.v1": "the alarm stands on the helpdesk's own desk; the log keeps it from being hidden",
    "helpdesk.complaint.answered.v1": "as the complaint",
    "audit.log.altered.v1": "the alarm is the operators'; the log keeps it from being hidden",
    "audit.letter.retried.v1": "an operator's act upon the flow of events is for the auditors",
    "audit.letter.discarded.v1": "as the retry",
}
