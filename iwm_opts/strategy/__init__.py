"""When and by which rules: the gate and the screen."""
