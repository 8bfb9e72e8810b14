"""Claims of the pages that belong to no chapter: home page, README, contradictions."""

from __future__ import annotations

from latentbook.study.claims import Claim, Claims, Evidence

CLAIMS = Claims("pages")


@CLAIMS
def records_and_numbers(evidence: Evidence) -> Claim:
    """How many records there are, and how many printed numbers they are held against."""
    return Claim([len(evidence.rows()), len(evidence.verdicts())])
