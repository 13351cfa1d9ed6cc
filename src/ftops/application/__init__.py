"""What ftops does: observe, plan, carry out.

Talks to the world through ``ports`` only, and decides nothing that ``domain`` can.
"""
