"""Claims of chapter 05: what its sentences about full-scale results rest on."""

from __future__ import annotations

from latentbook.study.claims import Claims

CLAIMS = Claims("05")
