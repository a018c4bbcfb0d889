"""
Approvals with the project's own data, in its own database.

    INSTALLED_APPS += ["counterseal_django.own_data"]

    from counterseal_django.own_data.requests import ApprovalRequests

    requests = ApprovalRequests(on_approval=pay)

    with transaction.atomic():
        order.save()
        requests.insert(question, key=str(order.pk))
    requests.work()  # a worker, again and again

It is an app of its own, so that only projects that use it have its table.
`counterseal_sql.own_data` says what happens to a request, and has the same for SQLAlchemy.
"""
