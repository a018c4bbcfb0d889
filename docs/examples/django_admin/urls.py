from django.urls import include

urlpatterns += [path("auth/", include("counterseal_django.urls"))]
