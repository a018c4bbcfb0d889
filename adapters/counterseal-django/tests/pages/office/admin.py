"""The admin of the office: customers need an approval for everything, tags to be deleted."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

from counterseal_django.admin import ApprovalRequiredMixin
from office.models import Customer, Plan, Purchase, Tag


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
    actions = ["purge", "rename_and_purge"]

    @admin.action(description="Purge")
    def purge(self, request, queryset):
        self.delete_queryset(request, queryset)

    @admin.action(description="Rename and purge")
    def rename_and_purge(self, request, queryset):
        Tag.objects.update(name="renamed")
        self.delete_queryset(request, queryset)


@admin.register(Plan)
class PlanAdmin(ApprovalRequiredMixin, admin.ModelAdmin):
    actions = ["delete_selected"]

    def delete_selected(self, request, queryset):
        """Replace Django's action of this name."""
        queryset.delete()

    def get_actions(self, request):
        """Add an action that the mixin does not see."""
        late = (lambda _, request, queryset: queryset.update(price=0), "late", "Free of charge")
        return super().get_actions(request) | {"late": late}

    def response_change(self, request, obj):
        """Do what a button of its own says."""
        if "_open" in request.POST:
            Plan.objects.filter(pk=obj.pk).update(is_open=True)
        return super().response_change(request, obj)


admin.site.unregister(User)


@admin.register(User)
class StaffAdmin(ApprovalRequiredMixin, UserAdmin):
    approval_required = {"add", "change"}
