"""The pages of customers in the office's admin site: where they are, and what they send."""

from office.models import Customer

LIST = "/admin/office/customer/"


def deletion_of(customer):
    return f"{LIST}{customer.pk}/delete/"


def names():
    return sorted(Customer.objects.values_list("name", flat=True))


def bulk(*customers, action="delete_selected", **more):
    """Return what Django's page sends to run an action."""
    selected = [str(customer.pk) for customer in customers]
    return {"action": action, "_selected_action": selected, "post": "yes", **more}
