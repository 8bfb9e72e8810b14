"""What every chapter shares: how a study is recorded, tabled, drawn and shown."""
