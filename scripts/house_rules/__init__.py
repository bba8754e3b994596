"""The house rules that no compiler holds. `scripts/lint` runs them, `scripts/lint --self-test`
runs the examples in `test_rules.py` that show each rule finding what it should."""
