from counterseal_django.admin import ApprovalRequiredMixin
from customers.models import Customer


@admin.register(Customer)
class CustomerAdmin(ApprovalRequiredMixin, admin.ModelAdmin):
    approval_required = {"delete"}
