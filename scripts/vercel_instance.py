"""Be an instance of the built function: import it once, then answer requests.

    python vercel_instance.py          (in the folder of the unpacked function)

Runs under the platform's Python, beside nothing but the function: standard library only. Each line
of the standard input is a request as the platform sends it, each line of the output its answer.
"""

import json
import os
import sys

if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the function prints is its log
    sys.path[0] = os.getcwd()
    from vc__handler__python import vc_handler  # type: ignore[import-not-found]

    for request in sys.stdin:
        answers.write(json.dumps(vc_handler({"body": request}, None)) + "\n")
        answers.flush()
