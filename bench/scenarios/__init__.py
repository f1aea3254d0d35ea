"""The scenarios: each measures one question for all contenders and returns its runs."""
