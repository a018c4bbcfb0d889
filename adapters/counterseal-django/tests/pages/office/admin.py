"""The admin of the office: customers need an approval for everything, tags to be deleted."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

from counterseal_django.admin import ApprovalRequiredMixin
from office.models import Customer, Purchase, Tag


class PurchaseInline(admin.TabularInline):
    model = Purchase
    extra = 0


@admin.register(Customer)
class CustomerAdmin(ApprovalRequiredMixin, admin.ModelAdmin):
    approval_hidden_fields = {"secret"}
    inlines = [PurchaseInline]
    actions = ["promote"]

    @admin.action(description="Promote selected %(verbose_name_plural)s", permissions=["change"])
    def promote(self, request, queryset):
        queryset.update(level=request.POST.get("level", "g"))


@admin.register(Tag)
class TagAdmin(ApprovalRequiredMixin, admin.ModelAdmin):
    approval_required = {"delete"}
    actions = ["purge"]

    @admin.action(description="Purge")
    def purge(self, request, queryset):
        self.delete_queryset(request, queryset)


admin.site.unregister(User)


@admin.register(User)
class StaffAdmin(ApprovalRequiredMixin, UserAdmin):
    approval_required = {"add", "change"}
