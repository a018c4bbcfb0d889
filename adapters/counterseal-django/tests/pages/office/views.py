"""Views of the office that need an approval."""

from datetime import timedelta

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.views import View

from counterseal_django.approval_required import approval_required
from counterseal_django.step_up import step_up_required
from office.models import Customer


@approval_required("Rename a customer", exclude={"secret"})
def rename(request, pk):
    if request.method == "POST":
        if request.POST["name"] == "crash":
            raise RuntimeError
        Customer.objects.filter(pk=pk).update(name=request.POST["name"])
    return HttpResponse("renamed" if request.method == "POST" else "form")


def read_name(request, pk):
    return Customer.objects.get(pk=pk).name


@approval_required(
    lambda request, pk: f"Promote {read_name(request, pk)}",
    arguments=lambda request, pk: {"level": "gold", "times": 1},
    state=lambda request, pk: Customer.objects.get(pk=pk).level,
)
async def promote(request, pk):
    count = await sync_to_async(Customer.objects.filter(pk=pk).update)(level="g")
    return HttpResponse(str(count))


@approval_required(
    "Pay",
    type="payment",
    resource="invoice 7",
    arguments=lambda request: {
        "amount": request.POST["amount"],
        "currency": "EUR",
        "payee": {"name": "Example", "id": "7"},
        "transaction_id": "invoice 7",
    },
)
def pay(request):
    return HttpResponse(f"paid {request.POST['amount']}")


@step_up_required(within=timedelta(minutes=10))
def export(request):
    return HttpResponse("exported")


@step_up_required(within=timedelta(minutes=10))
async def export_later(request):
    return HttpResponse("exported")


class LaterView(View):
    async def post(self, request):
        return HttpResponse("posted")


ask_class = approval_required("Post", resource="class")(LaterView.as_view())
export_class = step_up_required(within=timedelta(minutes=10))(LaterView.as_view())
