"""What agent.py and probe.py are made of; runs inside Blender."""
