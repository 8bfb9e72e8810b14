"""What each chapter of the book runs, tabulates and draws, one package a chapter."""
