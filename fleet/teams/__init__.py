"""Teams and their enroll secrets."""
