"""Domain Expansion: control plane, core and features. Importing this loads nothing."""
