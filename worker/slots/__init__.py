"""Process slots: where handlers run, away from the database and the secrets, and can be killed.

runner (`pool`) -- control socket --> guard (`guard`) -- fork --> slot (`slot`): one handler each.
A slot talks to the runner over a socket of its own; the guard kills whole trees, and everything
when the runner is gone.
"""
