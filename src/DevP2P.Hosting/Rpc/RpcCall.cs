using System.Text.Json;

namespace DevP2P.Hosting.Rpc;

/// <summary>One call of a method: who calls, and with what.</summary>
internal sealed class RpcCall
{
    private readonly RpcMethod _method;
    private readonly JsonElement[] _arguments;

    private RpcCall(RpcMethod method, RpcCaller caller, JsonElement[] arguments, CancellationToken cancellationToken)
    {
        _method = method;
        _arguments = arguments;
        Caller = caller;
        CancellationToken = cancellationToken;
    }

    /// <summary>Who calls.</summary>
    public RpcCaller Caller { get; }

    /// <summary>Cancelled when the caller has gone.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>
    /// Assigns and checks what the call gives: by position, by name, or an object as the only element, which is by name as well.
    /// </summary>
    /// <exception cref="RpcException">It does not fit the method.</exception>
    public static RpcCall Bind(RpcMethod method, JsonElement parameters, RpcCaller caller, CancellationToken cancellationToken)
    {
        var arguments = new JsonElement[method.Parameters.Count];
        switch (parameters.ValueKind)
        {
            case JsonValueKind.Undefined or JsonValueKind.Null:
                break;
            case JsonValueKind.Object:
                BindNames(method, parameters, arguments);
                break;
            case JsonValueKind.Array when parameters.GetArrayLength() == 1 && parameters[0].ValueKind == JsonValueKind.Object:
                BindNames(method, parameters[0], arguments);
                break;
            case JsonValueKind.Array when parameters.GetArrayLength() > arguments.Length:
                throw RpcException.InvalidParams($"too many arguments, want at most {arguments.Length}");
            case JsonValueKind.Array:
                int next = 0;
                foreach (JsonElement argument in parameters.EnumerateArray())
                {
                    arguments[next++] = argument;
                }

                break;
            default:
                throw RpcException.InvalidParams("non-array args");
        }

        for (int i = 0; i < arguments.Length; i++)
        {
            if (IsGiven(arguments[i]))
            {
                method.Parameters[i].Check(arguments[i], i);
            }
            else if (method.Parameters[i].IsRequired)
            {
                throw RpcException.InvalidParams($"missing value for required argument {i}");
            }
        }

        return new RpcCall(method, caller, arguments, cancellationToken);
    }

    /// <summary>The value of a parameter that is required.</summary>
    public T Get<T>(RpcParameter<T> parameter) => parameter.Read(_arguments[IndexOf(parameter)], IndexOf(parameter));

    /// <summary>The value of a parameter, or another one if it was left out or is null.</summary>
    public T Get<T>(RpcParameter<T> parameter, T otherwise) => IsGiven(_arguments[IndexOf(parameter)]) ? Get(parameter) : otherwise;

    /// <summary>Whether the call says something of a parameter, be it null.</summary>
    public bool Mentions(RpcParameter parameter) => _arguments[IndexOf(parameter)].ValueKind != JsonValueKind.Undefined;

    private static void BindNames(RpcMethod method, JsonElement values, JsonElement[] arguments)
    {
        foreach (JsonProperty value in values.EnumerateObject())
        {
            int index = 0;
            while (index < arguments.Length && !value.NameEquals(method.Parameters[index].Name))
            {
                index++;
            }

            if (index == arguments.Length)
            {
                throw RpcException.InvalidParams(arguments.Length == 0
                    ? "too many arguments, want at most 0"
                    : $"unknown argument, want {string.Join(", ", method.Parameters.Select(parameter => parameter.Name))}");
            }

            arguments[index] = value.Value;
        }
    }

    private static bool IsGiven(JsonElement value) => value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    private int IndexOf(RpcParameter parameter)
    {
        for (int i = 0; i < _method.Parameters.Count; i++)
        {
            if (ReferenceEquals(_method.Parameters[i], parameter))
            {
                return i;
            }
        }

        throw new InvalidOperationException($"{_method.Name} does not take {parameter.Name}");
    }
}
