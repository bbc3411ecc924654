"""Replay recorded trade through the front door, and compare the stock that comes out.

A replay plays the till: each line of the file becomes a signed event that goes through the same door,
translation and ledger as live trade. It posts nothing itself.
"""
