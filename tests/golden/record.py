"""Record the golden files anew: ``python tests/golden/record.py``."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import cases

if __name__ == "__main__":
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= cases.VARIABLES
        os.chdir(folder)
        for name, outcome in cases.outcomes():
            text = json.dumps(outcome, indent=1)
            (cases.FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
            print(f"{name}: {len(text):,} characters, {time.process_time() - started:.1f} s of CPU")
