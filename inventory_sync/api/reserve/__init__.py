"""The reservation door, in front of Django's request cycle and on the loop that serves (api/front.py).

    who asks, and for which channel → what is asked → decided with what else was asked meanwhile,
    in one transaction → commit → the answer

Many requests share a commit, each has its own answer, and asked again it is the same. Reading reservations
goes through REST framework (v1/reservations.py). Does not decide anything (ledger/requests.py).
"""
